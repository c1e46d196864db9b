using RaftKv.Cli.Commands.Flags;
using RaftKv.Load;
using RaftKv.Load.Works;

namespace RaftKv.Cli.Commands.Bench;

/// <summary>The keys and values of a load, as flags give them.</summary>
internal sealed class BenchKeys(FlagSet flags)
{
    private readonly Flag<int> _keyBytes = flags.Count("key-size", "How long keys are, in bytes", 64, least: 10);
    private readonly Flag<int> _valueBytes = flags.Count("val-size", "How long values are, in bytes", 256, least: 0);
    private readonly Flag<int> _keys = flags.Count("key-space", "How many keys there are to choose from", 10_000);
    private readonly Flag<bool> _fills = flags.Switch("fill", "First put each of the keys once, which does not count");

    /// <summary>A key that every load may read.</summary>
    public static string First => new('k', 10);

    public LoadKeys Keys => new(_keys.Value, _keyBytes.Value);

    public int ValueBytes => _valueBytes.Value;

    public string Text => $"{_keys.Value} keys of {_keyBytes.Value} bytes, values of {_valueBytes.Value}";

    /// <exception cref="CommandFailure">Some could not be put.</exception>
    public async Task FillAsync(IReadOnlyList<LoadEndpoint> endpoints, CancellationToken stop)
    {
        if (!_fills.Value)
        {
            return;
        }

        var filled = await LoadRun.CompleteAsync(
            new LoadPlan
            {
                Endpoints = endpoints,
                Work = new Puts(Keys, ValueBytes, isFilling: true),
                Clients = 50,
                Connections = 5,
                Operations = _keys.Value,
            },
            stop);
        if (filled.Refused > 0)
        {
            throw new CommandFailure(ExitCode.Error, $"{filled.Refused} of {_keys.Value} keys could not be put");
        }
    }
}
