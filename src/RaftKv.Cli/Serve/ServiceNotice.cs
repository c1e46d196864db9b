using System.Net.Sockets;
using System.Text;

namespace RaftKv.Cli.Serve;

/// <summary>What systemd is told of a unit of <c>Type=notify</c>: a line to the socket that it names.</summary>
internal static class ServiceNotice
{
    private const string Variable = "NOTIFY_SOCKET";

    public static void Say(string state)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 1 } path || path[0] is not ('/' or '@'))
        {
            return;
        }

        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

            // A name that begins with @ is of no file.
            socket.Connect(new UnixDomainSocketEndPoint(path[0] == '@' ? $"\0{path[1..]}" : path));
            socket.Send(Encoding.UTF8.GetBytes(state));
        }
        catch (SocketException)
        {
            // Nobody listens there. A member that runs is worth more than the word of it.
        }
    }
}
