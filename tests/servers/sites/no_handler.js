// As most servers are written: nobody has thought of the end.
const http = require("http");

http.createServer((request, response) => {
  http.get(process.env.GATE + request.url, (answer) => answer.pipe(response));
}).listen(process.env.PORT, "127.0.0.1");
