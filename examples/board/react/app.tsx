import { usePushStatus } from 'nestjs-push-client/react';
import { useState } from 'react';
import { user } from '../page/session.js';
import { Board } from './board.js';

export function App() {
  const { status } = usePushStatus();
  const [isOpen, setOpen] = useState(true);
  return (
    <>
      <header>
        <h1>A board in React</h1>
        <p>
          {user}, <output id="status">{status}</output>
        </p>
        <button id="toggle" onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Leave' : 'Enter'}
        </button>
      </header>
      {isOpen && <Board />}
    </>
  );
}
