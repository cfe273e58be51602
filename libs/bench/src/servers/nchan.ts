import { connect, type Socket } from 'node:net';
import { freePort } from '../free-port.js';
import { nchanModule } from '../server/nchan-module.js';
import { startNginx } from '../server/nginx.js';
import type { BenchServer } from '../server/contract.js';

/* nginx with nchan, one worker on the core of this process, which publishes to it by pipelined POST requests. */

const configuration = (port: number) => `
  nchan_shared_memory_size 512M;
  nchan_message_buffer_length 20000;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/events/(\\d+)$ {
      nchan_subscriber eventsource;
      nchan_channel_id $1;
      nchan_subscriber_first_message newest;
    }
    location = /events {
      nchan_subscriber websocket;
      nchan_channel_id $arg_topic;
      nchan_subscriber_first_message newest;
    }
    location ~ ^/publish/(\\d+)$ {
      nchan_publisher http;
      nchan_channel_id $1;
    }
  }`;

export async function start(): Promise<BenchServer> {
  const port = await freePort();
  const { footprint } = startNginx(configuration(port), { modules: `load_module ${nchanModule()};` });
  const publisher = await connected(port);
  publisher.resume();
  return {
    port,
    footprint,
    publish(event, topic) {
      const body = JSON.stringify(event);
      const head = `POST /publish/${topic} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
      publisher.write(head + body, 'latin1');
    },
  };
}

/** nginx takes a moment. */
async function connected(port: number): Promise<Socket> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', noDelay: true });
        socket.once('connect', () => resolve(socket)).once('error', reject);
      });
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
