/**
 * What the properties of the log draw their scripts from. It is the same in every run, so that a change that breaks nothing
 * breaks no build; `PROPERTY_SEED` tries others.
 */
export const seed = Number(process.env.PROPERTY_SEED ?? 20_261_129);
