using System.Globalization;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Stores;

namespace RaftKv.Faults.Running;

/// <summary>Counts what members keep for their clients: by their metrics, and by the files of their processes.</summary>
internal sealed class ServerObjects(FaultCluster cluster, Recorder recorder) : IDisposable
{
    private const string Watchers = "etcd_debugging_mvcc_watcher_total";
    private const string Streams = "etcd_debugging_mvcc_watch_stream_total";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(250);

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private List<ObjectsLine> _before = [];

    /// <summary>To be called when there is no client yet.</summary>
    public async Task TakeBeforeAsync()
    {
        _before = await TakeAsync(isAfter: false);
        _before.ForEach(recorder.Add);
    }

    /// <summary>To be called when all clients have gone. Waits for what they left to go as well.</summary>
    public async Task TakeAfterAsync()
    {
        var until = DateTime.UtcNow + Patience;
        while (true)
        {
            var now = await TakeAsync(isAfter: true);
            if (DateTime.UtcNow > until || !now.Exists(line => _before.Exists(before => ObjectsGone.Remains(before, line) is not null)))
            {
                now.ForEach(recorder.Add);
                return;
            }

            await Task.Delay(Rest);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<List<ObjectsLine>> TakeAsync(bool isAfter)
        => [.. (await Task.WhenAll(cluster.Running.Select(member => CountAsync(member, isAfter)))).OfType<ObjectsLine>()];

    /// <returns>Null if the member does not say, or ends.</returns>
    private async Task<ObjectsLine?> CountAsync(StoreMember member, bool isAfter)
    {
        try
        {
            var page = await _http.GetStringAsync(new Uri(member.Client, "/metrics"));
            return member.ProcessId is not { } process ? null : new()
            {
                Member = member.Name,
                At = recorder.Now,
                IsAfter = isAfter,
                Watchers = Sample(page, Watchers),
                Streams = Sample(page, Streams),
                Sockets = CountSockets(process),
            };
        }
        catch (Exception silent) when (silent is HttpRequestException or IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            return null;
        }
    }

    private static long Sample(string page, string name)
    {
        var line = page.Split('\n').FirstOrDefault(line => line.StartsWith($"{name} ", StringComparison.Ordinal));
        return line is null ? 0 : (long)double.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture);
    }

    private static int CountSockets(int process)
    {
        var count = 0;
        foreach (var file in Directory.EnumerateFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/fd")))
        {
            try
            {
                count += File.ResolveLinkTarget(file, returnFinalTarget: false)?.Name.StartsWith("socket:", StringComparison.Ordinal) == true ? 1 : 0;
            }
            catch (IOException)
            {
                // Closed meanwhile.
            }
        }

        return count;
    }
}
