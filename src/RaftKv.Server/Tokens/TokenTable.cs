using System.Collections.Concurrent;
using RaftKv.Storage.State;

namespace RaftKv.Server.Tokens;

/// <summary>
/// The simple tokens of a cluster, in the memory of one member: each remembers all that are given out, by its own clock. A
/// token that is used lives on.
/// </summary>
/// <remarks>Filled by the thread that applies; asked by all.</remarks>
internal sealed class TokenTable(TimeProvider time, TimeSpan timeToLive)
{
    private readonly ConcurrentDictionary<string, Entry> _tokens = new(StringComparer.Ordinal);
    private long _swept = time.GetTimestamp();

    public int Count => _tokens.Count;

    public void Remember(AuthUser user, string token)
    {
        SweepIfDue();
        _tokens[token] = new Entry(user.Name, user.PasswordHash, time.GetTimestamp());
    }

    /// <summary>Whose token it is; null if nobody's any more.</summary>
    /// <remarks>Whoever was deleted, or given another password, has lost his tokens: the hash tells one password from every
    /// other, and is never made again.</remarks>
    public string? Find(string token, AuthView auth)
    {
        if (!_tokens.TryGetValue(token, out var entry))
        {
            return null;
        }

        if (IsOver(entry) || auth.FindUser(entry.User) is not { } user || !user.PasswordHash.Span.SequenceEqual(entry.PasswordHash.Span))
        {
            _tokens.TryRemove(token, out _);
            return null;
        }

        Volatile.Write(ref entry.UsedAt, time.GetTimestamp());
        return entry.User;
    }

    /// <summary>Authentication was turned off.</summary>
    public void Clear() => _tokens.Clear();

    // Those that nobody shows any more would stay for ever.
    private void SweepIfDue()
    {
        if (time.GetElapsedTime(_swept) < timeToLive)
        {
            return;
        }

        _swept = time.GetTimestamp();
        foreach (var (token, entry) in _tokens)
        {
            if (IsOver(entry))
            {
                _tokens.TryRemove(token, out _);
            }
        }
    }

    private bool IsOver(Entry entry) => time.GetElapsedTime(Volatile.Read(ref entry.UsedAt)) >= timeToLive;

    private sealed class Entry(string user, ReadOnlyMemory<byte> passwordHash, long usedAt)
    {
        public long UsedAt = usedAt;

        public string User { get; } = user;

        public ReadOnlyMemory<byte> PasswordHash { get; } = passwordHash;
    }
}
