using RaftKv.Compare;

return await CompareCommands.Create().Parse(args).InvokeAsync();
