using RaftKv.Faults.CommandLine;

return await new FaultCommands(Console.Out, Console.Error).RunAsync(args);
