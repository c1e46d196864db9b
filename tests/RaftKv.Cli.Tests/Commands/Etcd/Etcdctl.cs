using System.Diagnostics;
using RaftKv.Cli.Commands.Text;
using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands.Etcd;

/// <summary>Programs of the machine that commands are compared with.</summary>
internal static class Etcdctl
{
    public static string FindOrSkip()
    {
        var path = StoreProgram.FindOnPath("etcdctl");
        Assert.SkipWhen(path is null, "There is no 'etcdctl' on the PATH; it comes with Debian's package 'etcd-client'.");
        return path!;
    }

    public static StoreProgram FindServerOrSkip()
    {
        var program = StoreProgram.FindEtcd();
        Assert.SkipWhen(program is null, "There is no 'etcd' on the PATH; it comes with Debian's package 'etcd-server'.");
        return program!;
    }

    /// <summary>Starts a program as a command would be started from a shell, without the settings of the person who runs the tests.</summary>
    public static Process Start(string path, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var variable in start.Environment.Keys.Where(name => name.StartsWith("ETCD", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(variable);
        }

        start.Environment["ETCDCTL_API"] = "3";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    public static async Task<CommandRun> RunAsync(string path, IEnumerable<string> arguments, byte[] input)
    {
        using var process = Start(path, arguments);
        using var output = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(output, TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(input, TestContext.Current.CancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading.
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        await reading;
        return new CommandRun(process.ExitCode, ByteText.Decode(output.ToArray()), await error);
    }
}
