/** Puts a text on the clipboard, and says so when the browser has allowed it. Browsers without a clipboard get no button. */
import { useState } from 'preact/hooks';

export function CopyButton({ text }: { text: string }) {
  const [copied, setCopied] = useState<string | null>(null);
  if (!navigator.clipboard) return null;
  return (
    <button
      type="button"
      class="copy"
      onClick={() =>
        navigator.clipboard.writeText(text).then(
          () => setCopied(text),
          () => setCopied(null),
        )
      }
    >
      {copied === text ? 'Copied' : 'Copy'}
    </button>
  );
}
