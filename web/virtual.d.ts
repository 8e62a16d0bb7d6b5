/** Modules that the build generates (see vite.config.ts). */
declare module 'virtual:palette.css';
