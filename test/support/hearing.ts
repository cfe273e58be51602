/*
 * The clients of a platform (a browser, another Node), as its own JavaScript makes them. Each is told a URL, and reports what was
 * agreed on, then every event as it came. It runs where this file does not, so it is text.
 */

/** Defines `hearing[kind](url)`. It calls `report(kind, text)`, which has to be there. */
export const hearing = `
  const isEvent = (text) => text.startsWith('{"event":"message"');

  globalThis.hearing = {
    EventSource(url) {
      const source = new EventSource(url);
      source.onmessage = ({ data }) => report('EventSource', data);
    },

    async fetch(url) {
      const { headers, body } = await fetch(url);
      report('fetch encoding', headers.get('content-encoding'));
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ''; ; ) {
        const { done, value } = await reader.read();
        if (done) return;
        const blocks = (rest + value).split('\\n\\n');
        rest = blocks.pop();
        for (const block of blocks) {
          const data = block.split('\\n').find((line) => line.startsWith('data: '));
          if (data && !block.includes('event: push.')) report('fetch', data.slice(6));
        }
      }
    },

    // Every few events it asks for something, and is answered alone.
    WebSocket(url) {
      const socket = new WebSocket(url.replace('http', 'ws'));
      const ask = (ref) => socket.send(JSON.stringify({ event: 'subscribe', data: { topics: ['news.a'], ref } }));
      let count = 0;
      socket.onopen = () => {
        report('WebSocket encoding', socket.extensions);
        ask('first');
      };
      socket.onmessage = ({ data }) => {
        if (!isEvent(data)) return;
        report('WebSocket', data);
        if (++count % 3 === 0) ask('again');
      };
    },
  };
`;

/** What a client is made of. */
export type Kind = 'EventSource' | 'fetch' | 'WebSocket';
