import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { PushProvider } from 'nestjs-push-client/react';
import '../page/style.css';
import { push } from '../page/session.js';
import { App } from './app.js';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <PushProvider push={push}>
      <App />
    </PushProvider>
  </StrictMode>,
);
