/** The page's frame: name, navigation, theme button and the current view. */
import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useErrorBoundary } from 'preact/hooks';
import { connection } from './connection.js';
import { DrawPage } from './draw/draw-page.js';
import type { DrawSession } from './draw/draw-session.js';
import { messageOf, useChanges, useLoaded } from './hooks.js';
import { linkTo, useRoute } from './route.js';
import { Failure, Waiting } from './states.js';
import { ThemeButton } from './theme.js';

/** Views besides Draw, by their names in the URL. Their code is loaded when they are first opened. */
export interface LazyViews {
  readonly [name: string]: {
    title: string;
    /** Whether the view needs no server: it is also on static pages. */
    anywhere?: boolean;
    /** The view is a part of this tab, and has none of its own. */
    within?: string;
    load(): Promise<{ default: ComponentType<{ query: URLSearchParams }> }>;
  };
}

interface AppProps {
  session: DrawSession;
  /** Shown if the page comes from a server, or if they need none. */
  lazyViews: LazyViews;
  /** Names the Draw view in the document's title. */
  drawTitle?: string;
  /** Above the canvas of the Draw view. */
  drawModes?: ComponentChildren;
}

export function App({ session, lazyViews, drawTitle = 'Draw', drawModes }: AppProps) {
  useChanges(session, 'frame');
  const { view, query } = useRoute();
  const model = view === 'draw' ? query.get('model') : null;
  useEffect(() => {
    if (model !== null && session.phase.state === 'ready') void session.show(model);
  }, [model, session.phase.state]);
  const { offersProject } = session;
  useEffect(() => {
    // Only for an address that names no view.
    if (offersProject && location.hash === '') location.replace(linkTo('teach'));
  }, [offersProject]);
  const shown = Object.fromEntries(
    Object.entries(lazyViews).filter(([, { anywhere }]) => anywhere || session.hasServer),
  );
  const lazy = Object.hasOwn(shown, view) ? shown[view] : null;
  return (
    <>
      <SkipLink />
      <header class="top">
        <a class="wordmark" href={linkTo('draw')}>
          <Logo />
          scanstroke
        </a>
        {Object.keys(shown).length > 0 && <Navigation view={view} lazyViews={shown} />}
        <ThemeButton />
      </header>
      {session.hasServer && <ConnectionBanner />}
      <Guarded key={view}>
        {lazy ? (
          <LazyView view={view} load={lazy.load} query={query} />
        ) : (
          <DrawPage session={session} title={drawTitle} modes={drawModes} />
        )}
      </Guarded>
    </>
  );
}

function Navigation({ view, lazyViews }: { view: string; lazyViews: LazyViews }) {
  const tabs = Object.entries(lazyViews).filter(([, { within }]) => !within);
  const titles = [['draw', 'Draw'], ...tabs.map(([name, { title }]) => [name, title])];
  const tab = lazyViews[view]?.within ?? view;
  return (
    <nav aria-label="Page">
      {titles.map(([name, title]) => (
        <a key={name} href={linkTo(name)} aria-current={name === tab ? 'page' : undefined}>
          {title}
        </a>
      ))}
    </nav>
  );
}

/** Jumps over the navigation. A button: a link would need an anchor, and the hash is the route. */
function SkipLink() {
  return (
    <button type="button" class="skip" onClick={() => document.querySelector('main')?.focus()}>
      Skip to the content
    </button>
  );
}

/** Says that the server is gone, for as long as it is. */
function ConnectionBanner() {
  useChanges(connection);
  useEffect(() => {
    const check = () => void connection.tryNow();
    addEventListener('offline', check);
    addEventListener('online', check);
    return () => {
      removeEventListener('offline', check);
      removeEventListener('online', check);
    };
  }, []);
  return (
    <div class="banner" role="status">
      {connection.lost && (
        <p>
          <b>The server does not answer.</b> What you see may be out of date. Drawing still works. Trying
          again every few seconds.
          <button type="button" class="try" onClick={() => connection.tryNow()}>
            Try now
          </button>
        </p>
      )}
    </div>
  );
}

/** Shows a defect of a view in place of the view, so that the page does not become blank. */
function Guarded({ children }: { children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary((reason) => console.error(reason));
  if (error === undefined) return <>{children}</>;
  return (
    <main tabIndex={-1}>
      <section class="card notice">
        <Failure title="This view cannot be shown." message={messageOf(error)} retry={reset}>
          <a class="way" href={linkTo('draw')}>
            Draw
          </a>
        </Failure>
      </section>
    </main>
  );
}

interface LazyViewProps {
  view: string;
  load: LazyViews[string]['load'];
  query: URLSearchParams;
}

function LazyView({ view, load, query }: LazyViewProps) {
  const { value, error } = useLoaded(async () => ({ view, Page: (await load()).default }), [view]);
  if (value?.view === view) return <value.Page query={query} />;
  return (
    <main tabIndex={-1}>
      <section class="card notice">
        {/* Browsers remember a script that could not be loaded, so only a new page loads it. */}
        {error ? (
          <Failure
            title="The code of this view cannot be loaded."
            message={error}
            retry={() => location.reload()}
          >
            <a class="way" href={linkTo('draw')}>
              Draw
            </a>
          </Failure>
        ) : (
          <Waiting what="Loading" />
        )}
      </section>
    </main>
  );
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 64 64" aria-hidden="true">
      <path d="M47 17 C44 9 20 8 18 20 C16 32 46 31 46 44 C46 57 21 57 16 46" />
    </svg>
  );
}
