/**
 * Fonts of handwriting, most of them by different people: digits and letters that no training has seen. They come from
 * npm packages under the SIL Open Font License, are kept in build/, and are only measured with.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Packages `@fontsource/NAME`. Outlined, shaded and ornamental fonts, and those of print, are left out. */
const NAMES = `
  aguafina-script alex-brush allison allura amatic-sc amita annie-use-your-telescope architects-daughter arima
  arizonia atma babylonica bad-script ballet beth-ellen bilbo bilbo-swash-caps birthstone bonheur-royale borel
  bubblegum-sans butterfly-kids calligraffitti caramel carattere caveat caveat-brush cedarville-cursive charm
  charmonman chelsea-market chilanka clicker-script comforter comic-neue comic-relief coming-soon condiment cookie
  corinthia courgette covered-by-your-grace crafty-girls damion dancing-script dawning-of-a-new-day dekko
  delicious-handrawn delius delius-swash-caps delius-unicase eagle-lake east-sea-dokdo edu-nsw-act-foundation
  edu-qld-beginner edu-sa-beginner edu-tas-beginner edu-vic-wa-nt-beginner engagement ephesis estonia
  euphoria-script explora fasthand felipa finger-paint fleur-de-leah fondamento fuggles fuzzy-bubbles gaegu
  gamja-flower give-you-glory gloria-hallelujah gochi-hand grand-hotel grandstander grape-nuts great-vibes
  grechen-fuemen gwendolyn hachi-maru-pop handlee happy-monkey herr-von-muellerhoff hi-melody homemade-apple
  hubballi hurricane imperial-script indie-flower inspiration island-moments itim jim-nightshade julee
  just-another-hand just-me-again-down-here kalam kapakana kaushan-script kavivanar klee-one kristi
  la-belle-aurore league-script licorice liu-jian-mao-cao long-cang love-ya-like-a-sister loved-by-the-king
  lovers-quarrel luxurious-script ma-shan-zheng mali mansalva marck-script margarine mea-culpa meddon meie-script
  meow-script merienda monsieur-la-doulaise montez moon-dance mountains-of-christmas mr-bedfort mr-de-haviland
  mrs-saint-delafield ms-madi my-soul mynerve nanum-brush-script nanum-pen-script nerko-one neucha niconne norican
  nothing-you-could-do oooh-baby over-the-rainbow parisienne passions-conflict patrick-hand patrick-hand-sc
  permanent-marker petit-formal-script pinyon-script playball playpen-sans poor-story qwigley qwitcher-grypen
  rancho redressed reenie-beanie rock-salt rouge-script ruthie sacramento salsa sassy-frass satisfy schoolbell
  sedgwick-ave sedgwick-ave-display send-flowers shadows-into-light shadows-into-light-two short-stack single-day
  sniglet snippet sofia solitreo splash square-peg sriracha stalemate style-script stylish sue-ellen-francisco
  sunshiney swanky-and-moo-moo tangerine taprom the-girl-next-door the-nautigal tillana twinkle-star vibur
  vujahday-script waiting-for-the-sunrise walter-turncoat water-brush waterfall whisper windsong yellowtail
  yeon-sung yesteryear yomogi yuji-boku yuji-mai yusei-magic zen-kurenaido zen-loop zeyada zhi-mang-xing
`
  .trim()
  .split(/\s+/);

/** So many packages are fetched at once. */
const AT_ONCE = 4;
/** Time limit for one package. */
const FETCH_MS = 120_000;

export interface HandFont {
  name: string;
  /** WOFF2, Latin letters and digits, regular weight. */
  bytes: Buffer;
}

/**
 * The fonts; those that are not in the folder are fetched with npm.
 *
 * @param onFetched is called after each font that was fetched
 * @returns those that could be had, in the order of their names
 */
export async function handFonts(
  folder: string,
  onFetched: (done: number, all: number) => void,
): Promise<HandFont[]> {
  await mkdir(folder, { recursive: true });
  const pathOf = (name: string) => join(folder, `${name}.woff2`);
  const missing: string[] = [];
  for (const name of NAMES) await access(pathOf(name)).catch(() => missing.push(name));
  const waiting = [...missing];
  const fetchNext = async () => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      await fetchFont(name, folder, pathOf(name));
      onFetched(missing.length - waiting.length, missing.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, fetchNext));
  const fonts: HandFont[] = [];
  for (const name of NAMES) {
    const bytes = await readFile(pathOf(name)).catch(() => null);
    if (bytes !== null) fonts.push({ name, bytes });
  }
  return fonts;
}

/** A font that cannot be fetched is left out. */
async function fetchFont(name: string, folder: string, path: string): Promise<void> {
  const own = join(folder, `${name}-new`);
  try {
    await mkdir(own, { recursive: true });
    const options = { cwd: own, timeout: FETCH_MS };
    const { stdout } = await run('npm', ['pack', `@fontsource/${name}@5`, '--silent'], options);
    await run('tar', ['xzf', stdout.trim()], options);
    await rename(join(own, 'package', 'files', `${name}-latin-400-normal.woff2`), path);
  } catch {
    // npm has no such package, or cannot be reached
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
