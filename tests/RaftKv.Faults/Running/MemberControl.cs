using System.Globalization;
using System.Net.Sockets;
using RaftKv.Stores;

namespace RaftKv.Faults.Running;

/// <summary>Asks the test program of a member (tests/RaftKv.FaultyMember) for faults of its disk, its clock and its threads.</summary>
internal static class MemberControl
{
    /// <summary>The socket in the member's folder.</summary>
    public const string FileName = "faults.sock";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <returns>The number it answers with; null if it is not there, or ended before it answered.</returns>
    /// <exception cref="StoreException">It does not know the fault, or does not answer.</exception>
    public static async Task<long?> AskAsync(StoreMember member, string fault)
    {
        try
        {
            using var patience = new CancellationTokenSource(Patience);
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(member.Folder, FileName)), patience.Token);
            await using var stream = new NetworkStream(socket);
            await using var writer = new StreamWriter(stream) { AutoFlush = true };
            using var reader = new StreamReader(stream);
            await writer.WriteLineAsync(fault.AsMemory(), patience.Token);
            return await reader.ReadLineAsync(patience.Token) is not { } answer ? null
                : answer.StartsWith("ok ", StringComparison.Ordinal) ? long.Parse(answer.AsSpan(3), CultureInfo.InvariantCulture)
                : throw new StoreException($"{member.Name} does not do '{fault}': {answer}");
        }
        catch (Exception gone) when (gone is SocketException or IOException)
        {
            return null;
        }
        catch (OperationCanceledException late)
        {
            throw new StoreException($"{member.Name} did not answer '{fault}' within {Patience}.", late);
        }
    }
}
