import { presenceOf } from './client/presence.js';
import { element, hueOf } from './board.js';

/** Shows who is at the desk, and tells the others the name of this visitor, and whether it types. */
export function showVisitors(push, author) {
  const list = document.getElementById('visitors');
  const desk = presenceOf(push, 'desk');
  const { text } = document.getElementById('composer').elements;
  let said = '';
  const say = () => {
    const status = { name: author.name, typing: text.value.trim() !== '' };
    if (JSON.stringify(status) === said) return;
    said = JSON.stringify(status);
    desk.set(status);
  };
  author.onRename = say;
  text.addEventListener('input', say);
  say();
  desk.onChange(() => {
    const users = desk.users().filter(({ data }) => data);
    list.replaceChildren(
      ...users.map(({ data: { name, typing } }) => {
        const visitor = element('li', typing ? 'visitor typing' : 'visitor', name);
        visitor.style.setProperty('--hue', hueOf(name));
        return visitor;
      }),
    );
  });
}
