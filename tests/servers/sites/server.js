// As a server is written that means to finish its requests: TERM ends the listening, and with the last request the process.
const http = require("http");

const server = http.createServer((request, response) => {
  http.get(process.env.GATE + request.url, (answer) => answer.pipe(response));
});
server.listen(process.env.PORT, "127.0.0.1");
process.on("SIGTERM", () => server.close());
