/** Applies the stored theme before the first paint. theme.tsx reads and changes it later. */
try {
  const theme = localStorage.getItem('scanstroke-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the page follows the system's preference.
}
