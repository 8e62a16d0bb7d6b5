/** Routes in the hash of the URL, for example `#/runs?run=a&run=b`. Hash routes work on any static host. */
import { useEffect, useState } from 'preact/hooks';

export interface Route {
  /** `draw`, `teach`, `runs`, `inspect`. */
  view: string;
  query: URLSearchParams;
}

/** Parses a URL hash. An empty hash is the Draw view. */
export function parseRoute(hash: string): Route {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  return { view: path || 'draw', query: new URLSearchParams(query) };
}

/** URL hash of a view. Omits parameters that are null, undefined or empty; a list becomes repeated parameters. */
export function linkTo(
  view: string,
  parameters: Record<string, string | number | null | undefined | string[]> = {},
): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value === null || value === undefined || value === '') continue;
    for (const each of Array.isArray(value) ? value : [String(value)]) query.append(key, each);
  }
  const text = query.toString();
  return `#/${view}${text ? `?${text}` : ''}`;
}

/** The current route; re-renders the component when the hash changes. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}
