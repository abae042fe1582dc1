/** Whether text stands out from what is behind it. */

/** WCAG 2.2, 1.4.3: text of normal size. */
export const MIN_CONTRAST = 4.5;

interface ColourPair {
  readonly name: string;
  readonly text: string;
  readonly back: string;
}

/** Runs in the page: the colours of each kind of visible text, and of what is behind it, layers put together. */
export function contrastPairs(): ColourPair[] {
  interface Node {
    readonly nodeType: number;
    readonly textContent: string | null;
  }
  interface Element extends Node {
    readonly tagName: string;
    readonly namespaceURI: string | null;
    readonly parentElement: Element | null;
    readonly childNodes: Iterable<Node>;
    getAttribute(name: string): string | null;
    checkVisibility(options: object): boolean;
    getBoundingClientRect(): { readonly width: number };
  }
  const page = globalThis as unknown as {
    document: { body: { querySelectorAll(selector: string): Iterable<Element> } };
    getComputedStyle(element: Element): { color: string; fill: string; backgroundColor: string };
  };
  // srgb colours of color-mix() have parts from 0 to 1.
  const parts = (colour: string) => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (colour.match(/[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
    const scale = colour.startsWith("color(") ? 255 : 1;
    return [red * scale, green * scale, blue * scale, alpha] as const;
  };
  const behind = (element: Element): string => {
    const layers: (readonly [number, number, number, number])[] = [];
    for (let under: Element | null = element; under !== null; under = under.parentElement) {
      const layer = parts(page.getComputedStyle(under).backgroundColor);
      layers.push(layer);
      if (layer[3] === 1) break;
    }
    let colour = [255, 255, 255];
    for (const [red, green, blue, alpha] of layers.toReversed())
      colour = [red, green, blue].map((part, i) => part * alpha + (colour[i] as number) * (1 - alpha));
    return `rgb(${colour.map(Math.round).join(", ")})`;
  };
  const found = new Map<string, ColourPair>();
  for (const element of page.document.body.querySelectorAll("*")) {
    const hasText = [...element.childNodes].some(
      ({ nodeType, textContent }) => nodeType === 3 && textContent?.trim() !== "",
    );
    if (!hasText || !element.checkVisibility({ visibilityProperty: true }) || element.getBoundingClientRect().width < 2)
      continue;
    const { color, fill } = page.getComputedStyle(element);
    const text = element.namespaceURI?.endsWith("/svg") ? fill : color;
    const back = behind(element);
    found.set(`${text} ${back}`, {
      name: `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""}`,
      text,
      back,
    });
  }
  return [...found.values()];
}

/** WCAG's contrast ratio of two colours such as rgb(1, 2, 3): 1 to 21. */
export function contrast(one: string, other: string): number {
  const [a = 0, b = 0] = [luminance(one), luminance(other)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((text) => {
    const part = Number(text) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
