/** The page's frame: its name, where one can go, the theme, and what is shown. */
import { lazy, Suspense } from 'preact/compat';
import { DrawPage } from './draw/draw-page.js';
import type { DrawSession } from './draw/session.js';
import { useChanges } from './hooks.js';
import { linkTo, useRoute } from './route.js';
import { ThemeButton } from './theme.js';

const RunsPage = lazy(() => import('./runs/runs-page.js'));
const InspectPage = lazy(() => import('./inspect/inspect-page.js'));

export function App({ session }: { session: DrawSession }) {
  useChanges(session, 'frame');
  const { view, query } = useRoute();
  const places = session.api ? ['draw', 'runs', 'inspect'] : [];
  return (
    <>
      <header class="top">
        <a class="wordmark" href={linkTo('draw')}>
          <Mark />
          scanstroke
        </a>
        {places.length > 0 && (
          <nav aria-label="Page">
            {places.map((place) => (
              <a key={place} href={linkTo(place)} aria-current={place === view ? 'page' : undefined}>
                {TITLES[place]}
              </a>
            ))}
          </nav>
        )}
        <ThemeButton />
      </header>
      {view === 'runs' || view === 'inspect' ? (
        <Suspense fallback={<main class="waiting" aria-busy="true" />}>
          {view === 'runs' ? <RunsPage query={query} /> : <InspectPage query={query} />}
        </Suspense>
      ) : (
        <DrawPage session={session} />
      )}
    </>
  );
}

const TITLES: Record<string, string> = { draw: 'Draw', runs: 'Runs', inspect: 'Inspect' };

function Mark() {
  return (
    <svg class="logo" viewBox="0 0 64 64" aria-hidden="true">
      <path d="M47 17 C44 9 20 8 18 20 C16 32 46 31 46 44 C46 57 21 57 16 46" />
    </svg>
  );
}
