using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace RaftKv.ClientBench;

/// <summary>The npm package etcd3, doing the same.</summary>
internal static class OtherClient
{
    public static async Task RunAsync(Uri address, int seconds, int rounds)
    {
        var script = FindScript();
        if (script is null)
        {
            Console.WriteLine("| etcd3 (npm) | not installed: npm ci in bench/RaftKv.ClientBench/etcd3 | | | | |");
            return;
        }

        foreach (var call in (string[])["get", "put"])
        {
            foreach (var atOnce in ClientLoad.AtOnce)
            {
                if (await AskAsync(script, address, call, atOnce, seconds, rounds) is { } samples)
                {
                    ClientLoad.Print("etcd3 (npm)", call, atOnce, samples);
                }
            }
        }
    }

    private static async Task<List<Sample>?> AskAsync(string script, Uri address, string call, int atOnce, int seconds, int rounds)
    {
        var start = new ProcessStartInfo("node") { RedirectStandardOutput = true };
        foreach (var argument in new[] { script, address.Authority, call, $"{atOnce}", $"{seconds}", $"{rounds}" })
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            using var node = Process.Start(start)!;
            var samples = new List<Sample>();
            while (await node.StandardOutput.ReadLineAsync() is { } line)
            {
                using var round = JsonDocument.Parse(line);
                samples.Add(new(round.RootElement.GetProperty("calls").GetDouble(), round.RootElement.GetProperty("cpu").GetDouble(), 0));
            }

            await node.WaitForExitAsync();
            return samples.Count == 0 ? null : samples;
        }
        catch (Win32Exception none)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| etcd3 (npm) | no node: {none.Message} | | | | |"));
            return null;
        }
    }

    // Where the sources are: npm installs its packages beside them, and nothing copies those to the output.
    private static string? FindScript()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var beside = Path.Join(folder.FullName, "bench", "RaftKv.ClientBench", "etcd3");
            if (Directory.Exists(beside))
            {
                return Directory.Exists(Path.Join(beside, "node_modules", "etcd3")) ? Path.Join(beside, "bench.js") : null;
            }
        }

        return null;
    }
}
