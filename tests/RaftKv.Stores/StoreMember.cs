using System.Diagnostics;
using System.Globalization;

namespace RaftKv.Stores;

/// <summary>
/// One member of a store as a process that can be killed, stopped and paused, and started again on its folder and
/// addresses.
/// </summary>
public sealed class StoreMember : IDisposable
{
    internal const string DataName = "data";

    private const int KeptLogLines = 40;

    // Nobody should find members of a program that was interrupted.
    private static readonly HashSet<StoreMember> Started = [];
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(30);

    private readonly string[] _command;
    private readonly Queue<string> _log = new();
    private readonly StreamWriter? _logFile;

    // Others look at it while it is being ended: see Ask.
    private volatile Process? _process;

    static StoreMember() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var member in Copy())
        {
            member.Dispose();
        }
    };

    /// <param name="place">Where it runs.</param>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="logFolder">Where all that it prints stays when it is gone; null: nowhere.</param>
    public StoreMember(MemberPlace place, IEnumerable<string> command, string? logFolder = null)
    {
        Name = place.Name;
        Folder = place.Folder;
        Client = place.Client;
        Peer = place.Peer;
        _command = [.. place.Launcher, .. command];
        _logFile = logFolder is null ? null : new StreamWriter(Path.Combine(logFolder, $"{Name}.log"), append: false) { AutoFlush = true };
    }

    public string Name { get; }

    public string Folder { get; }

    /// <summary>What it is given as --data-dir.</summary>
    public string DataFolder => Path.Combine(Folder, DataName);

    public Uri Client { get; }

    public Uri Peer { get; }

    /// <summary>The process's id, for what looks at it from outside.</summary>
    public int? ProcessId => Ask(_process, static process => process.HasExited ? null : process.Id, (int?)null);

    /// <summary>What the process has in memory; 0 if it is gone.</summary>
    public long MemoryBytes
    {
        get
        {
            try
            {
                using var process = ProcessId is { } id ? Process.GetProcessById(id) : null;
                return process?.WorkingSet64 ?? 0;
            }
            catch (ArgumentException)
            {
                return 0;
            }
        }
    }

    public bool IsRunning => Ask(_process, static process => !process.HasExited, false);

    /// <summary>The exit code of a process that has ended though nobody here ended it; null otherwise.</summary>
    public int? OwnExitCode => Ask(_process, static process => process.HasExited ? process.ExitCode : null, (int?)null);

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
        var start = new ProcessStartInfo(_command[0], _command[1..])
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Settings of the person who runs this, and of the tests, must not reach the member.
        foreach (var variable in start.Environment.Keys
            .Where(name => name.StartsWith("ETCD_", StringComparison.Ordinal) || name.StartsWith("RAFTKV_", StringComparison.Ordinal))
            .ToList())
        {
            start.Environment.Remove(variable);
        }

        Keep($"# {string.Join(' ', _command)}");
        LetGo(_process);
        var process = Process.Start(start)!;
        _process = process;
        lock (Started)
        {
            Started.Add(this);
        }

        process.StandardInput.Close();
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>kill -9, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        // Somebody else may look at it meanwhile, and forget it when it has ended.
        if (_process is not { } process)
        {
            return;
        }

        try
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }

            await process.WaitForExitAsync();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself, and was forgotten.
        }

        LetGo(process);
    }

    /// <summary>Kills it, and deletes all that it had on its disk.</summary>
    public async Task EmptyAsync()
    {
        await KillAsync();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Forgets a process that has ended by itself.</summary>
    public void Forget()
    {
        var process = _process;
        if (!IsRunning)
        {
            LetGo(process);
        }
    }

    /// <summary>Asks it to end, and waits until it has.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="StoreException">It does not end.</exception>
    public async Task<int> StopAsync()
    {
        await SignalAsync("TERM");
        return await EndAsync();
    }

    /// <summary>Waits until it has ended by itself.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="StoreException">It does not end.</exception>
    public async Task<int> EndAsync()
    {
        var process = _process!;
        using var patience = new CancellationTokenSource(StopPatience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException late)
        {
            throw new StoreException($"{Name} did not end within {StopPatience}:\n{Log}", late);
        }

        var code = process.ExitCode;
        LetGo(process);
        return code;
    }

    /// <summary>It neither runs nor ends from now on, as on a machine that swaps.</summary>
    public Task PauseAsync() => SignalAsync("STOP");

    public Task ResumeAsync() => SignalAsync("CONT");

    public void Dispose()
    {
        lock (Started)
        {
            Started.Remove(this);
        }

        if (_process is { } process && IsRunning)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        _process?.Dispose();
        _process = null;
        lock (_log)
        {
            _logFile?.Dispose();
        }
    }

    private static StoreMember[] Copy()
    {
        lock (Started)
        {
            return [.. Started];
        }
    }

    // Somebody who took it before it was taken from here may find it disposed of, which is to be gone as well.
    private static T Ask<T>(Process? process, Func<Process, T> question, T ofNone)
    {
        try
        {
            return process is null ? ofNone : question(process);
        }
        catch (InvalidOperationException)
        {
            return ofNone;
        }
    }

    private void LetGo(Process? process)
    {
        _process = null;
        process?.Dispose();
    }

    private async Task SignalAsync(string signal)
    {
        var id = ProcessId ?? throw new InvalidOperationException($"{Name} does not run.");
        using var kill = Process.Start("kill", [$"-{signal}", id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    private void Keep(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_log)
        {
            if (_logFile?.BaseStream is { CanWrite: true })
            {
                _logFile.WriteLine(line);
            }

            _log.Enqueue(line);
            if (_log.Count > KeptLogLines)
            {
                _log.Dequeue();
            }
        }
    }
}
