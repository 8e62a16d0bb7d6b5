/** Classes and functions that no data are made of. */

/** Modules that give access to the system, and functions that run code. No model is made of them. */
const DANGEROUS_MODULES =
  /^(os|posix|nt|sys|subprocess|pty|commands|shutil|socket|runpy|importlib|ctypes|webbrowser|code|bdb|pdb|timeit|pip|_?operator|builtins|__builtin__)\./;
/** Of the modules above: types that state dicts and modules hold. */
const HARMLESS_BUILTINS =
  /^(builtins|__builtin__)\.(set|frozenset|dict|list|tuple|int|long|float|bool|str|unicode|bytes|bytearray|complex|slice|range|xrange|object|type|NoneType|property|getattr|len|abs|min|max|sum|round)$/;

/** Whether Python would reach the system or run code with this class or function. */
export function isDangerous(name: string): boolean {
  return DANGEROUS_MODULES.test(name) && !HARMLESS_BUILTINS.test(name);
}
