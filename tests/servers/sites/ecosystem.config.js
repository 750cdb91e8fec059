// As its manual says: ten seconds in place of the 1.6 that a process has by default before its KILL.
module.exports = { apps: [{ name: "server", script: "$directory/pm2_server.js", kill_timeout: 10000 }] };
