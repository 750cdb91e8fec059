// As server.js, for pm2, which stops a process by INT.
const http = require("http");

const server = http.createServer((request, response) => {
  http.get(process.env.GATE + request.url, (answer) => answer.pipe(response));
});
server.listen(process.env.PORT, "127.0.0.1");
process.on("SIGINT", () => server.close(() => process.exit(0)));
