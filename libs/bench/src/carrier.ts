/**
 * What carries the requests of clients, if it is not HTTP/1.1 in clear text: HTTP/1.1 over TLS, HTTP/2 over TLS, HTTP/2 in clear
 * text.
 */
export type Carrier = 'https' | 'h2' | 'h2c';
