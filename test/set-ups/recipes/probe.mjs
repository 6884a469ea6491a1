// Loaded before a server of the recipes: tells the script that started it what its sessions hold.
import { pathToFileURL } from 'node:url';

const { sessions } = await import(pathToFileURL(process.env.SESSIONS));

process.on('message', ({ id, method, args }) => {
  const member = sessions[method];
  process.send({ id, answer: typeof member === 'function' ? member(...args) : member });
});
// The server decides how long the process lives.
process.channel.unref();
