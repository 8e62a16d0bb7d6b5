/** A field for a name. A changed name counts when the field is left. */
import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';

interface NameFieldProps {
  name: string;
  label: string;
  class: string;
  rename: (name: string) => void;
  field?: RefObject<HTMLInputElement | null>;
  maxLength?: number;
  /** Whether the focus selects the name. */
  selects?: boolean;
}

export function NameField({ name, label, rename, field, selects = false, ...rest }: NameFieldProps) {
  /** The name while it is typed: a training draws the field anew several times a second. */
  const [draft, setDraft] = useState<string | null>(null);
  return (
    <input
      {...rest}
      ref={field}
      aria-label={label}
      value={draft ?? name}
      onInput={(event) => setDraft((event.target as HTMLInputElement).value)}
      onChange={(event) => rename((event.target as HTMLInputElement).value)}
      onBlur={() => setDraft(null)}
      onKeyDown={leaveOnEnter}
      onFocus={(event) => selects && (event.target as HTMLInputElement).select()}
    />
  );
}

function leaveOnEnter(event: KeyboardEvent): void {
  if (event.key === 'Enter') (event.target as HTMLElement).blur();
}
