const moods = ['Calm', 'Bright', 'Quiet', 'Swift', 'Merry', 'Bold', 'Gentle', 'Curious', 'Patient', 'Sunny'];
const birds = [
  'Heron',
  'Wren',
  'Robin',
  'Finch',
  'Swallow',
  'Kestrel',
  'Plover',
  'Osprey',
  'Lark',
  'Starling',
];

const pick = (names) => names[Math.floor(Math.random() * names.length)];

/** The author of the notes of this window. Each window of a browser has its own. */
export class Author {
  name = sessionStorage.getItem('author') ?? `${pick(moods)} ${pick(birds)}`;

  /** Which visitor this window is, for the server. */
  id = sessionStorage.getItem('visitor') ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
  onRename = () => undefined;

  constructor() {
    sessionStorage.setItem('visitor', this.id);
    this.rename(this.name);
  }

  rename(name) {
    if (name === '') return;
    this.name = name;
    sessionStorage.setItem('author', name);
    this.onRename();
  }
}
