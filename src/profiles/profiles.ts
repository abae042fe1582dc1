/**
 * The families of reward models that are converted, one file each or one for several that differ little. To add one, describe it
 * in a file of its own, add it here, and write its source down in scripts/oracle/PROFILES.md. No other code asks which profile a
 * model has: it asks the profile for a rule.
 */

import { atheneRm } from "./athene-rm.ts";
import {
  beaverCost,
  beaverReward,
  eurusRm,
  grmSftreg,
  infOrm,
  nemotronReward,
  openRlhf,
  ultraRm,
  valueHeadModel,
  ziyaReward,
} from "./last-token-heads.ts";
import type { Profile } from "./profile.ts";
import { otherSequenceClassification, sequenceClassification } from "./sequence-classification.ts";
import { starling7bAlpha } from "./starling-rm-7b-alpha.ts";
import { starling34b } from "./starling-rm-34b.ts";

const all = [
  starling34b,
  starling7bAlpha,
  sequenceClassification,
  otherSequenceClassification,
  atheneRm,
  ultraRm,
  eurusRm,
  beaverReward,
  beaverCost,
  ziyaReward,
  valueHeadModel,
  grmSftreg,
  infOrm,
  openRlhf,
  nemotronReward,
] as const satisfies readonly Profile[];

export const profiles: readonly Profile[] = all;
export type ProfileName = (typeof all)[number]["name"];
export const PROFILE_NAMES: readonly ProfileName[] = all.map(({ name }) => name);
/** The profile of files that were made before GGUFs named one. */
export const FIRST_PROFILE: ProfileName = starling34b.name;
