/** The page's frame: name, navigation, theme button and the current view. */
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { DrawPage } from './draw/draw-page.js';
import type { DrawSession } from './draw/draw-session.js';
import { useChanges, useLoaded } from './hooks.js';
import { linkTo, useRoute } from './route.js';
import { ThemeButton } from './theme.js';

/** Views whose code is loaded when they are first opened. */
const LAZY_VIEWS: Record<string, () => Promise<{ default: ComponentType<{ query: URLSearchParams }> }>> = {
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
  const views = session.hasServer ? ['draw', 'runs', 'inspect'] : [];
  return (
    <>
      <header class="top">
        <a class="wordmark" href={linkTo('draw')}>
          <Logo />
          scanstroke
        </a>
        {views.length > 0 && (
          <nav aria-label="Page">
            {views.map((name) => (
              <a key={name} href={linkTo(name)} aria-current={name === view ? 'page' : undefined}>
                {TITLES[name]}
              </a>
            ))}
          </nav>
        )}
        <ThemeButton />
      </header>
      {session.hasServer && view in LAZY_VIEWS ? (
        <LazyView view={view} query={query} />
      ) : (
        <DrawPage session={session} />
      )}
    </>
  );
}

function LazyView({ view, query }: { view: string; query: URLSearchParams }) {
  const { value, error } = useLoaded(
    async () => ({ view, Page: (await LAZY_VIEWS[view]()).default }),
    [view],
  );
  if (error)
    return (
      <main>
        <p role="alert">{error}</p>
      </main>
    );
  return value?.view === view ? <value.Page query={query} /> : <main aria-busy="true" />;
}

const TITLES: Record<string, string> = { draw: 'Draw', runs: 'Runs', inspect: 'Inspect' };

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 64 64" aria-hidden="true">
      <path d="M47 17 C44 9 20 8 18 20 C16 32 46 31 46 44 C46 57 21 57 16 46" />
    </svg>
  );
}
