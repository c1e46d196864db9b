using Microsoft.Win32.SafeHandles;

namespace RaftKv.Storage.Files;

/// <summary>
/// Syncs a large file a piece at a time while it is written. All of it at once would keep the disk from everybody else, and the
/// member that a snapshot comes from may have its log there.
/// </summary>
/// <example><code>
/// await file.WriteAsync(piece);
/// await sync.GrownAsync(file.Length);
/// …
/// await sync.EndAsync();
/// </code></example>
/// <param name="file">Written by one caller, from its beginning to its end.</param>
public sealed class SteadySync(SafeFileHandle file)
{
    private const long PieceBytes = 4 * 1024 * 1024;

    private long _begun;
    private Task _running = Task.CompletedTask;

    /// <summary>The file is so long now. Waits if pieces come faster than the disk takes them.</summary>
    /// <exception cref="IOException">A sync has failed.</exception>
    public async ValueTask GrownAsync(long length)
    {
        if (IsDue(length))
        {
            await _running.ConfigureAwait(false);
            Begin(length);
        }
    }

    /// <summary>The same where nobody can wait: pieces are longer then.</summary>
    public void Grown(long length)
    {
        if (IsDue(length) && _running.IsCompletedSuccessfully)
        {
            Begin(length);
        }
    }

    /// <summary>Syncs what is left.</summary>
    /// <exception cref="IOException">That, or a sync before it, has failed.</exception>
    public async Task EndAsync()
    {
        await _running.ConfigureAwait(false);
        Begin(_begun);
        await _running.ConfigureAwait(false);
    }

    private bool IsDue(long length)
    {
        // One that was emptied grows anew.
        _begun = Math.Min(_begun, length);
        return length - _begun >= PieceBytes;
    }

    private void Begin(long length)
    {
        _begun = length;
        _running = Task.Run(() => RandomAccess.FlushToDisk(file));
    }
}
