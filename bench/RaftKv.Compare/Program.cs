using RaftKv.Compare;
using RaftKv.Load;

LoadProcess.Prepare();
return await CompareCommands.Create().Parse(args).InvokeAsync();
