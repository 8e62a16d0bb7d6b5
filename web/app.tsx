/** The page's frame: its name, where one can go, the theme, and what is shown. */
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { DrawPage } from './draw/draw-page.js';
import type { DrawSession } from './draw/draw-session.js';
import { useChanges, useLoaded } from './hooks.js';
import { linkTo, useRoute } from './route.js';
import { ThemeButton } from './theme.js';

/** What is loaded only when somebody goes there. */
const PLACES: Record<string, () => Promise<{ default: ComponentType<{ query: URLSearchParams }> }>> = {
  runs: () => import('./runs/runs-page.js'),
  inspect: () => import('./inspect/inspect-page.js'),
};

export function App({ session }: { session: DrawSession }) {
  useChanges(session, 'frame');
  const { view, query } = useRoute();
  const model = view === 'draw' ? query.get('model') : null;
  useEffect(() => {
    if (model !== null && session.phase.state === 'ready') void session.show(model);
  }, [model, session.phase.state]);
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
      {session.api && view in PLACES ? <Place view={view} query={query} /> : <DrawPage session={session} />}
    </>
  );
}

function Place({ view, query }: { view: string; query: URLSearchParams }) {
  const { value, error } = useLoaded(async () => ({ view, Page: (await PLACES[view]()).default }), [view]);
  if (error)
    return (
      <main>
        <p role="alert">{error}</p>
      </main>
    );
  return value?.view === view ? <value.Page query={query} /> : <main aria-busy="true" />;
}

const TITLES: Record<string, string> = { draw: 'Draw', runs: 'Runs', inspect: 'Inspect' };

function Mark() {
  return (
    <svg class="logo" viewBox="0 0 64 64" aria-hidden="true">
      <path d="M47 17 C44 9 20 8 18 20 C16 32 46 31 46 44 C46 57 21 57 16 46" />
    </svg>
  );
}
