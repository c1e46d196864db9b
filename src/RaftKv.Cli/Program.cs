using System.CommandLine;
using RaftKv.Cli;
using RaftKv.Cli.Commands;
using RaftKv.Cli.Commands.Text;
using RaftKv.Cli.Completion;
using RaftKv.Cli.Dev;
using RaftKv.Cli.Help;
using RaftKv.Cli.Kube;
using RaftKv.Cli.Serve;
using RaftKv.Load;

if (ClientProgram.Takes(args))
{
    if (ClientProgram.IsLoad(args))
    {
        LoadProcess.Prepare();
    }

    return await ClientProgram.RunAsync(ProgramArguments.Undamaged(args), ClientConsole.OfProcess());
}

var raftkv = new RootCommand("A strongly consistent key-value store that speaks etcd's v3 API. Without a command: a member.");
ServeCommand.AddTo(raftkv);
raftkv.Subcommands.Add(WalCommand.Create());
raftkv.Subcommands.Add(VersionCommand.Create());
raftkv.Subcommands.Add(KubeCommand.Create());
raftkv.Subcommands.Add(DevCommand.Create());
raftkv.Subcommands.Add(CompletionCommand.Create(raftkv));
ClientProgram.AddTo(raftkv);
HelpPage.AddTo(raftkv);
var parsed = raftkv.Parse(args);

// A member hands over what it leads and ends its streams. Whoever has less patience than this can kill it.
var patient = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) };
return WrongArguments.Tell(parsed) ?? await parsed.InvokeAsync(patient);
