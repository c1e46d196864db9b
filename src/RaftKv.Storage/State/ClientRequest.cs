using System.Globalization;

namespace RaftKv.Storage.State;

/// <summary>
/// By what a client makes a request known, so that it may make it again: whatever reaches the log under one of these takes
/// effect once.
/// </summary>
/// <param name="Client">Drawn by the client at its start; 0 for a request without a name.</param>
/// <param name="Sequence">Each request of the client has another one.</param>
/// <param name="BornAt">A revision that the client knew when it first made the request.</param>
public readonly record struct ClientRequest(ulong Client, ulong Sequence, long BornAt)
{
    public bool IsNone => Client == 0;

    /// <summary>As clients write it: three numbers in hexadecimal, with hyphens between.</summary>
    public static bool TryParse(string text, out ClientRequest request)
    {
        var parts = text.Split('-');
        request = default;
        if (parts.Length != 3
            || !ulong.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var client)
            || !ulong.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var sequence)
            || !long.TryParse(parts[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bornAt)
            || client == 0
            || bornAt < 0)
        {
            return false;
        }

        request = new(client, sequence, bornAt);
        return true;
    }

    internal static ClientRequest ReadFrom(ref StateReader reader) => new(reader.Id(), reader.Number(), (long)reader.Number());

    internal void WriteTo(StateWriter writer)
    {
        writer.Id(Client);
        writer.Number(Sequence);
        writer.Number((ulong)BornAt);
    }
}
