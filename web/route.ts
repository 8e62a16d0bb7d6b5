/** Where in the page one is, in the address after `#`, so that it works on any static host: `#/runs?run=a&run=b`. */
import { useEffect, useState } from 'preact/hooks';

export interface Route {
  /** `draw`, `runs`, `inspect`. */
  view: string;
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  return { view: path || 'draw', query: new URLSearchParams(query) };
}

/** The address of a place in the page; parameters without a value are left out. */
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

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}
