/** Sets the chosen theme before anything is painted. The page's own code reads and changes it later. */
try {
  const theme = localStorage.getItem('scanstroke-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden here: the system's preference decides.
}
