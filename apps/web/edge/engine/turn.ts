/** A turn of the event loop: messages and replies that are there come first. Timers, which browsers slow down, are not waited for. */
export function turn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((done) => {
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}
