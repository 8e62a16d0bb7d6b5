/** A table that may be wider than its card: it scrolls sideways within the card, with the keyboard too. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import './style/wide-table.css';

interface WideTableProps {
  label: string;
  /** Said above the table while it is wider than the card. */
  hint: string;
  children: ComponentChildren;
}

export function WideTable({ label, hint, children }: WideTableProps) {
  const element = useRef<HTMLElement>(null);
  const [isWide, setWide] = useState(false);
  useLayoutEffect(() => {
    const frame = element.current;
    if (!frame) return;
    const measure = () => setWide(frame.scrollWidth > frame.clientWidth + 1);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(frame);
    for (const child of frame.children) observer.observe(child);
    return () => observer.disconnect();
  }, []);
  return (
    <>
      {isWide && <p class="muted scroll-hint">{hint}</p>}
      {/* What scrolls takes the focus, so that the arrow keys scroll it. */}
      <section
        ref={element}
        class={`scroll${isWide ? ' wide' : ''}`}
        aria-label={label}
        tabIndex={isWide ? 0 : undefined}
      >
        {children}
      </section>
    </>
  );
}
