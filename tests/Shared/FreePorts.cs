using System.Net;
using System.Net.Sockets;

namespace RaftKv.Tests.Shared;

/// <summary>Ports of this machine that nobody listens on now, for processes that have to be told theirs.</summary>
internal static class FreePorts
{
    public static int[] Find(int count)
    {
        // All are held until all are known, so that none comes twice.
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        try
        {
            listeners.ForEach(listener => listener.Start());
            return [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }
}
