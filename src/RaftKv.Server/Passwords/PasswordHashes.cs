using System.Security.Cryptography;
using System.Text;

namespace RaftKv.Server.Passwords;

/// <summary>
/// Makes and compares hashes of passwords off the caller's thread, and only a few at a time: anybody may send passwords,
/// and a member that does nothing but hash them would miss its heartbeats.
/// </summary>
internal sealed class PasswordHashes : IDisposable
{
    private readonly SemaphoreSlim _turns = new(Math.Max(1, Environment.ProcessorCount / 2));
    private readonly int _cost;
    private readonly Lazy<byte[]> _nobodys;

    public PasswordHashes(int cost)
    {
        _cost = cost;
        _nobodys = new Lazy<byte[]>(() => Bcrypt.Hash([], cost));
    }

    /// <summary>Whether it can be hashed at all.</summary>
    public static bool Fits(string password) => Encoding.UTF8.GetByteCount(password) <= Bcrypt.MaxPasswordBytes;

    public Task<byte[]> HashAsync(string password, CancellationToken cancellation)
        => InTurnAsync(password, bytes => Bcrypt.Hash(bytes, _cost), cancellation);

    /// <summary>Whether a password is the one that was hashed.</summary>
    /// <param name="password">As it was given.</param>
    /// <param name="hash">Null where there is no such user; that takes as long, lest the time tell it.</param>
    /// <param name="cancellation">Ends the waiting for a turn.</param>
    public Task<bool> IsRightAsync(string password, ReadOnlyMemory<byte>? hash, CancellationToken cancellation)
        => InTurnAsync(
            password, bytes => Bcrypt.IsRight(bytes, hash is null ? _nobodys.Value : hash.Value.Span) && hash is not null, cancellation);

    public void Dispose() => _turns.Dispose();

    private async Task<T> InTurnAsync<T>(string password, Func<byte[], T> work, CancellationToken cancellation)
    {
        await _turns.WaitAsync(cancellation).ConfigureAwait(false);
        var bytes = Encoding.UTF8.GetBytes(password);
        try
        {
            return await Task.Run(() => work(bytes), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
            _turns.Release();
        }
    }
}
