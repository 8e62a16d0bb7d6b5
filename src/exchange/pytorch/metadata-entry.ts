/** Where a `.pt` of scanstroke's keeps what it knows about the model. PyTorch reads only entries that it knows. */
export const METADATA_ENTRY = 'extra/scanstroke.json';
