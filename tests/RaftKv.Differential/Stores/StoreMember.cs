using System.Diagnostics;

namespace RaftKv.Differential.Stores;

/// <summary>One member of a store as a process that can be killed and started again on its folder and addresses.</summary>
public sealed class StoreMember : IDisposable
{
    private const int KeptLogLines = 40;

    private readonly StoreProgram _program;
    private readonly string[] _arguments;
    private readonly Queue<string> _log = new();
    private Process? _process;

    internal StoreMember(StoreProgram program, string name, string folder, Uri client, Uri peer, IEnumerable<string> arguments)
    {
        _program = program;
        Name = name;
        Folder = folder;
        Client = client;
        Peer = peer;
        _arguments = [.. arguments];
    }

    public string Name { get; }

    public string Folder { get; }

    public Uri Client { get; }

    public Uri Peer { get; }

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>The last lines that it printed.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return string.Join('\n', _log);
            }
        }
    }

    public void Start()
    {
        if (IsRunning)
        {
            throw new InvalidOperationException($"{Name} is running.");
        }

        Directory.CreateDirectory(Folder);
        var start = new ProcessStartInfo(_program.Path, _arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Settings of the person who runs this must not reach the member.
        foreach (var variable in start.Environment.Keys.Where(name => name.StartsWith("ETCD_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(variable);
        }

        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>kill -9, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (_process is null)
        {
            return;
        }

        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        if (IsRunning)
        {
            _process!.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process?.Dispose();
        _process = null;
    }

    private void Keep(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_log)
        {
            _log.Enqueue(line);
            if (_log.Count > KeptLogLines)
            {
                _log.Dequeue();
            }
        }
    }
}
