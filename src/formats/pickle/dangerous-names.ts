/** Classes and functions that no data are made of. */

/** Modules that give access to the system, and functions that run code. No model is made of them. */
const DANGEROUS_MODULES =
  /^(os|posix|nt|sys|subprocess|pty|shutil|socket|runpy|importlib|ctypes|webbrowser|bdb|pdb|timeit|pip|_?operator|builtins|__builtin__)\./;
/**
 * What Python's own modules `code` and `commands` have, also the modules that they import: people's packages have these
 * names, too, and their classes are no danger.
 */
const DANGEROUS_PARTS =
  /^(code\.(Interactive\w*|interact|compile_command|CommandCompiler|Quitter|builtins|sys|traceback|__\w+)|commands\.(getoutput|getstatus|getstatusoutput|mk2?arg|os|sys|__\w+))(\.|$)/;
/** Of the modules above: types that state dicts and modules hold. */
const HARMLESS_BUILTINS =
  /^(builtins|__builtin__)\.(set|frozenset|dict|list|tuple|int|long|float|bool|str|unicode|bytes|bytearray|complex|slice|range|xrange|object|type|NoneType|property|getattr|len|abs|min|max|sum|round|ellipsis|Ellipsis|NotImplemented)$/;

/** Whether Python would reach the system or run code with this class or function. */
export function isDangerous(name: string): boolean {
  return (DANGEROUS_MODULES.test(name) && !HARMLESS_BUILTINS.test(name)) || DANGEROUS_PARTS.test(name);
}
