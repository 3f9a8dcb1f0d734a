/** What stands on the page and does not hang on numbers: in one place, in one vocabulary. */
export const TEXTS = {
  choose: "Take a photo, choose one, or try a sample.",
  looking: "Looking…",
  square: "The model sees this square.",
  damaged: "The picture is incomplete or damaged: this answers what there is of it.",
  tabs: { why: "Why here?", split: "The split", whatif: "What if?" },
  ways: {
    split: "Phone, then cloud",
    "all-cloud": "All in the cloud",
    "early-edge": "Phone, early answer",
    "all-edge": "All on the phone",
  },
  alone: { "all-cloud": "Cloud alone", "early-edge": "Phone, early", "all-edge": "Phone alone" },
  time: "Time of this answer",
  timeThere: "Time expected there",
  limit: "Time limit",
  yourLimit: "limit",
  expected: "expected",
  late: "too late",
  settings: "Settings",
  close: "Close",
  camera: "Camera",
  photo: "Photo",
  samples: "Samples",
  otherWays: "The other ways",
  details: "For experts",
  whyNothing: "Choose a photo. Here you will read where it was answered, and why there.",
  measuring: "Measuring this phone and the connection…",
  bands: "Thin bands are cheap to send. The cut goes where it pays.",
  pinned: "You chose this split.",
  unpin: "Choose for me",
  asItIs: "As it is now",
  mapTitle: "Where the plan changes",
  mapHow: "Faster upload to the right, slower phone upwards. ● now, ○ your sliders.",
  mapWays: {
    split: "phone + cloud",
    "all-cloud": "cloud",
    "early-edge": "phone, early",
    "all-edge": "phone",
  },
  now: "now",
  asChosen: "As chosen for you",
  layers: "Layers",
  visit: "This visit",
  visitWhat: "What was measured, planned and answered, without pictures and what they show.",
  save: "Save",
  kept: "Kept on this phone",
  keptWhat: "This page, its models and what was measured",
  keptFor: "With them it opens and answers without a network.",
  keptNothing: "Nothing is kept any more, until the next visit.",
  forget: "Remove",
} as const;

/** What the parts of a time are called. */
export const PART_WORDS = {
  phone: "phone",
  way: "on the way",
  cloud: "cloud",
  vain: "waited in vain",
} as const;

/** Before a photo's own label: whether the answer agrees; nothing where the model has no such class. */
export const MARKS = { true: "✓ ", false: "✗ ", null: "" } as const;
