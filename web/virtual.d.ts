/** Modules that the build makes. */
declare module 'virtual:palette.css';
