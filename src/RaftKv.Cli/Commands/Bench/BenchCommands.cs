using RaftKv.Cli.Commands.Flags;
using RaftKv.Load;
using RaftKv.Load.Works;

namespace RaftKv.Cli.Commands.Bench;

/// <summary>A load whose operations are those of one workload over a space of keys.</summary>
internal abstract class BenchKeysCommand(string name, string description) : BenchCommand(name, description)
{
    protected BenchKeys Keys { get; private set; } = null!;

    public override void AddFlags(FlagSet flags)
    {
        base.AddFlags(flags);
        Keys = new BenchKeys(flags);
    }

    protected abstract IWorkload Work();

    protected override async Task<BenchReport> MeasureAsync(ClientSession session, IReadOnlyList<LoadEndpoint> endpoints, CancellationToken stop)
    {
        await Keys.FillAsync(endpoints, stop);
        return new BenchReport(Name, $"{Clients} clients, {Connections} connections, {Keys.Text}", await LoadAsync(endpoints, Work(), stop), Rate);
    }
}

/// <summary><c>raftkv bench put</c></summary>
internal sealed class BenchPutCommand() : BenchKeysCommand("put", "Put random keys out of a space, overwriting what is there")
{
    protected override IWorkload Work() => new Puts(Keys.Keys, Keys.ValueBytes);
}

/// <summary><c>raftkv bench get</c></summary>
internal sealed class BenchGetCommand() : BenchKeysCommand("get", "Read random keys out of a space, one a call")
{
    private Flag<bool> _isSerializable = null!;

    public override void AddFlags(FlagSet flags)
    {
        base.AddFlags(flags);
        _isSerializable = flags.Switch("serializable", "Let each member answer from what it knows");
    }

    protected override IWorkload Work() => new Gets(Keys.Keys, _isSerializable.Value);
}

/// <summary><c>raftkv bench txn</c></summary>
internal sealed class BenchTxnCommand() : BenchKeysCommand("txn", "Read a random key, and put it if nobody did meanwhile; over again if so")
{
    protected override IWorkload Work() => new Transactions(Keys.Keys, Keys.ValueBytes, Clients);
}
