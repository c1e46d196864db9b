namespace RaftKv.Server.Tls;

/// <summary>What was said within the last minute, and need not be said again.</summary>
internal sealed class RecentWords(TimeProvider time)
{
    private const int Most = 1000;
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _saidAt = new(StringComparer.Ordinal);

    public bool IsNew(string words)
    {
        lock (_gate)
        {
            if (_saidAt.TryGetValue(words, out var at) && time.GetElapsedTime(at) < Interval)
            {
                return false;
            }

            if (_saidAt.Count >= Most)
            {
                _saidAt.Clear();
            }

            _saidAt[words] = time.GetTimestamp();
            return true;
        }
    }
}
