using System.CommandLine;
using RaftKv.Cli;
using RaftKv.Cli.Serve;

var raftkv = new RootCommand("A strongly consistent key-value store that speaks etcd's v3 API. Without a command: a member.");
ServeCommand.AddTo(raftkv);
raftkv.Subcommands.Add(WalCommand.Create());
raftkv.Subcommands.Add(VersionCommand.Create());
return await raftkv.Parse(args).InvokeAsync();
