import { createApp } from './app.js';

const { PORT: port = '3000', PAGE: page } = process.env;
if (!page) throw new Error('PAGE is missing: the folder of the page, as Vite has built it.');
const app = await createApp(page);
app.enableShutdownHooks();
await app.listen(port);
console.log(
  `A board is at http://localhost:${port}/?user=ann: open it in several windows, and as other users.`,
);
