using System.Diagnostics;
using System.Globalization;
using System.Text;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Etcdctl;

/// <summary>One run of etcdctl.</summary>
/// <param name="Arguments">Separated by spaces; double quotes hold one together.</param>
/// <param name="Input">What it reads.</param>
/// <param name="Lines">It runs until it is stopped, which happens when it has printed so many lines. Null: it ends by itself.</param>
internal sealed record EtcdctlStep(string Arguments, string? Input = null, int? Lines = null);

/// <summary>Debian's etcdctl, which is 3.4 and built on grpc-go.</summary>
internal sealed class Etcdctl
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly string _path;

    private Etcdctl(string path) => _path = path;

    public static Etcdctl OrSkip()
    {
        var path = StoreProgram.FindOnPath("etcdctl");
        Assert.SkipWhen(path is null, "There is no 'etcdctl' on the PATH; it comes with Debian's package 'etcd-client'.");
        return new(path!);
    }

    /// <returns>What it printed, to both of its outputs, and its exit code if that was not 0.</returns>
    public async Task<string> RunAsync(string endpoints, EtcdctlStep step)
    {
        using var process = Start(endpoints, step.Arguments);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            await process.StandardInput.WriteAsync(step.Input);
            if (step.Lines is null)
            {
                process.StandardInput.Close(); // One that stays would take the end of its input for a reason to go.
            }

            var errors = process.StandardError.ReadToEndAsync(patience.Token);
            var text = new StringBuilder();
            if (step.Lines is { } lines)
            {
                await process.StandardInput.FlushAsync(patience.Token);
                for (var i = 0; i < lines && await process.StandardOutput.ReadLineAsync(patience.Token) is { } line; i++)
                {
                    text.Append(line).Append('\n');
                }

                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(patience.Token);
                return text.ToString();
            }

            text.Append(await process.StandardOutput.ReadToEndAsync(patience.Token));
            await process.WaitForExitAsync(patience.Token);
            text.Append(await errors);
            return process.ExitCode == 0 ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $"exit code {process.ExitCode}\n").ToString();
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"'etcdctl {step.Arguments}' did not end, or print what it should, within {Patience}.");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    public Process Start(string endpoints, string arguments)
    {
        var start = new ProcessStartInfo(_path, [$"--endpoints={endpoints}", .. Split(arguments)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var variable in start.Environment.Keys.Where(name => name.StartsWith("ETCDCTL_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(variable);
        }

        start.Environment["ETCDCTL_API"] = "3";
        return Process.Start(start)!;
    }

    private static IEnumerable<string> Split(string arguments)
    {
        var word = new StringBuilder();
        var (quoted, any) = (false, false);
        foreach (var c in arguments)
        {
            if (c == '"')
            {
                (quoted, any) = (!quoted, true);
            }
            else if (c == ' ' && !quoted)
            {
                if (any)
                {
                    yield return word.ToString();
                }

                word.Clear();
                any = false;
            }
            else
            {
                word.Append(c);
                any = true;
            }
        }

        if (any)
        {
            yield return word.ToString();
        }
    }
}
