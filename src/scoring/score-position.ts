import type { EncodedText } from "../native/addon.ts";
import type { ScorePosition } from "../profiles/rules.ts";

/** The index that the score is read at, or why there is none. See STARLING_KEYS.scorePosition. */
export const scorePositions: Readonly<
  Record<ScorePosition, (encoded: EncodedText, isText: boolean) => number | string>
> = {
  last: ({ ids }) => ids.length - 1,
  // The padding after the text is the native side's business.
  "padding-end": ({ ids }) => ids.length - 1,
  "before-first-pad": ({ ids, firstPad }, isText) => {
    // Content in a template is plain text: whatever id it has, it never hides what follows.
    const end = isText && firstPad >= 0 ? firstPad : ids.length;
    if (end > 0) return end - 1;
    return (
      "begins with the padding token <unk>, so the reference would read its score from padding: " +
      "there is no meaningful score. Remove the <unk>."
    );
  },
  "last-non-pad": ({ firstPad, lastNonPad }) => {
    if (firstPad < 0 || (firstPad === lastNonPad + 1 && lastNonPad >= 0)) return lastNonPad;
    return (
      "contains the model's padding token before its end, where versions of transformers read the score at different " +
      "places: the score is ambiguous."
    );
  },
};
